// Policies that several attacks are tried under.

/** Whoever is named may run id, with a colleague's yes. */
export function withApproval(...users: readonly string[]): string {
  return `apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: with a yes
    who: ${JSON.stringify(users.map((user) => `user:${user}`))}
    run: [{ command: /usr/bin/id, args: ["**"] }]
    then: ask
    require: { approval: { from: ["role:approver"], within: 30m } }
`;
}

/** Two shells of alice's whose sessions are recorded: one always, one where it can be. `more`: further rules. */
export function withRecording(more = ''): string {
  return `apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: recorded
    who: ["user:alice"]
    run: [{ command: /usr/bin/sh }]
    then: allow
    record: session
  - name: recorded if it can be
    who: ["user:alice"]
    run: [{ command: /usr/bin/dash }]
    then: allow
    record: session
    onFailure: { recorderUnable: spool }
${more}`;
}
