// What Node is given for belayd and the uplink, here and by their unit files (ADR 0001). V8 does not use a code cache that was made with other flags.
/** SECURITY(T-35): no inspector by signal. A small nursery and one helper thread halve what an agent keeps. */
export const agentFlags = ['--disable-sigusr1', '--max-semi-space-size=2', '--v8-pool-size=1'];
