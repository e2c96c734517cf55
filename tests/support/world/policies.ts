// The policies that most end-to-end tests run under. Sentences in the rule names, so that a failing test reads well.

const recovery = `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery, description: The way back in }
rules:
  - name: recovery
    recovery: true
    who: ["group:belay-recovery"]
    run: any
    then: ask
    require: { reauth: true }
`;

const developers = `apiVersion: belay/v1
kind: Policy
metadata: { name: developers, description: Day-to-day work }
rules:
  - name: look around
    who: ["group:developers"]
    run:
      - { command: /usr/bin/id, args: ["**"] }
      - { command: /usr/bin/printenv, args: ["**"] }
      - { command: /usr/bin/pwd, args: [] }
      - { command: /usr/bin/true, args: [] }
      - { command: /usr/bin/sleep, args: ["*"] }
      - { command: /usr/bin/touch, args: ["/tmp/*"] }
      - { command: /usr/bin/cat, args: ["/var/log/*"] }
    then: allow
  - name: a shell
    who: ["group:developers"]
    run: [{ command: /usr/bin/bash, args: ["**"] }]
    then: allow
  - name: as bob
    who: ["group:developers"]
    run: [{ command: /usr/bin/id, args: ["**"] }]
    as: { users: [bob], groups: [bob, developers] }
    then: allow
  - name: in another group
    who: ["group:developers"]
    run: [{ command: /usr/bin/id, args: ["**"] }]
    as: { users: [alice], groups: [developers] }
    then: allow
  - name: read the shadow file, saying why
    who: ["group:developers"]
    run: [{ command: /usr/bin/head, args: ["**"] }]
    then: ask
    require: { reason: true }
  - name: words, with a password
    who: ["group:developers"]
    run: [{ command: /usr/bin/wc, args: ["**"] }]
    then: ask
    require: { reauth: 5m }
  - name: no kernel messages
    run: [{ command: /usr/bin/dmesg }]
    then: deny
    message: Ask the platform team for kernel messages.
`;

/** File name → content. */
export const testPolicies: Readonly<Record<string, string>> = { 'recovery.yaml': recovery, 'developers.yaml': developers };
