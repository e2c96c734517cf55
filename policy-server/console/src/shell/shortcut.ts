/** `keys`: one key, or two after each other ("g r"). */
export type Shortcut = { readonly keys: string; readonly label: string; run(): void };
export type ShortcutGroup = { readonly title: string; readonly shortcuts: readonly Shortcut[] };
