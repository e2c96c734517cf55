export declare const projectRoot: string;
/** Absolute path of a Node 26 (or later) binary; throws when there is none. */
export declare function nodeBinary(): string;
export declare function toolEnvironment(extra?: Readonly<Record<string, string>>): NodeJS.ProcessEnv;
