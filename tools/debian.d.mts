export declare const wantedAlways: readonly string[];
export declare const wantedWithoutCompiler: readonly string[];
export declare function wantedPackages(): string[];
/** The folder of the unpacked tree (usr/, etc/, …). Synchronous; milliseconds when warm. */
export declare function ensureDebian(names?: readonly string[]): string;
/** The argument vector that runs `command` with the tree laid over /usr in a mount namespace of its own. */
export declare function withTree(root: string, command: readonly string[]): string[];
export const wantedBrowser: readonly string[];
