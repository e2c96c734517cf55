// `belay`: what a person says to the agent on this machine.
import { createProgram } from './program.ts';

await createProgram().parseAsync();
