// The console: what its first load weighs (`ours`, KB as gzip; budget 300), and how long it takes from signing in to a filled table of
// requests (`signInMs`, median; budget 1000). `npm run bench -- console`
import { firstLoadBytes, signInToRequests } from './support/console-load.ts';
import { quantile, rounded } from './support/statistics.ts';

const SAMPLES = 9;
const KB = 1024;

const { gzip, brotli } = firstLoadBytes();
const times = await signInToRequests(SAMPLES);
const signInMs = quantile(times, 0.5);
console.log(`first load ${rounded(gzip / KB)} KB gzip, ${rounded(brotli / KB)} KB Brotli; signed in and requests on the page after ${rounded(signInMs)} ms`);
console.log(JSON.stringify({ name: 'console', ours: rounded(gzip / KB), rival: null, ratio: null, unit: 'KB', brotliKb: rounded(brotli / KB), signInMs: rounded(signInMs), signInP95Ms: rounded(quantile(times, 0.95)), samples: SAMPLES }));
