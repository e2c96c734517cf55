/** The roles of the server, and whether whoever holds one may answer requests. The server's own table is held to it by a test. */
export const ANSWERING: Readonly<Record<string, boolean>> = { viewer: false, approver: true, operator: false, 'policy-author': false, administrator: true };
