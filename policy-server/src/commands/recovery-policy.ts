/** In force from the first moment, so that a mistake in the first own policy locks nobody out. The same as examples/policies/recovery.yaml. */
export const RECOVERY_POLICY = `apiVersion: belay/v1
kind: Policy
metadata:
  name: recovery
  description: The way back in. Members of the group belay-recovery may run anything, after entering their password.
rules:
  - name: recovery
    recovery: true
    who: ["group:belay-recovery"]
    run: any
    then: ask
    require: { reauth: true }
`;
