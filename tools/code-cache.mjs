// code-cache.mjs NAME.cjs [ARGUMENT…]: runs the program, and when it ends writes NAME.cache with what V8 has compiled by then. To be run
// by the Node and with the flags that the program is to be started with.
import { hash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const [filename, ...args] = process.argv.slice(2);
process.argv.splice(1, Infinity, filename.replace(/\.cjs$/, '.mjs'), ...args);
const code = readFileSync(filename);
const script = new Script(code.toString('latin1'), { filename });
process.on('exit', () => {
  const cache = script.createCachedData();
  const output = filename.replace(/\.cjs$/, '.cache');
  writeFileSync(`${output}.new`, Buffer.concat([hash('sha256', Buffer.concat([code, cache]), 'buffer'), cache]));
  renameSync(`${output}.new`, output);
});
script.runInThisContext()(createRequire(filename), filename, dirname(filename));
