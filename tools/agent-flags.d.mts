/** Flags of Node that belayd and the uplink are started with. */
export const agentFlags: readonly string[];
