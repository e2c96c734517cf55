// dist/NAME.mjs of a program with a code cache: runs NAME.cjs beside it. V8 takes from NAME.cache what it would else parse and compile
// first, a fifth of a start; tools/code-cache.mjs makes it. NAME.cache begins with a SHA-256 of NAME.cjs and of its own rest: where
// that does not fit, or V8 finds it made by another Node or with other flags, it is as if there were none.
const { readFileSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
const { Script } = process.getBuiltinModule('node:vm');
const { hash } = process.getBuiltinModule('node:crypto');

const DIGEST_BYTES = 32;
const filename = import.meta.filename.replace(/\.mjs$/, '.cjs');
const code = readFileSync(filename);

function readCache() {
  try {
    const file = readFileSync(filename.replace(/\.cjs$/, '.cache'));
    const cache = file.subarray(DIGEST_BYTES);
    return hash('sha256', Buffer.concat([code, cache]), 'buffer').equals(file.subarray(0, DIGEST_BYTES)) ? cache : undefined;
  } catch {
    return undefined;
  }
}

const script = new Script(code.toString('latin1'), { filename, cachedData: readCache() });
script.runInThisContext()(createRequire(filename), filename, import.meta.dirname);
