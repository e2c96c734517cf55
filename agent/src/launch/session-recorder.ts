import type { RecordingHeader } from '@belay/core/evidence';
import type { Obligations } from '@belay/core/policy';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RecordingSchema } from '@belay/proto/local';
import type { OpenRecording, RecordedEnd, Recordings } from '../journal/recordings.ts';

export type RecorderDeps = { readonly recordings: Pick<Recordings, 'begin'>; readonly log: { warn(detail: object, message: string): void } };

/** What `elevation.outcome` says of a recording. */
export type RecordingFields = { readonly recordingHash?: Uint8Array; readonly recordingBytes?: number; readonly recordingMs?: number; readonly recordingCut?: RecordedEnd['cut'] };

/** The recording of one request, if a rule wants it: begun before the yes, thrown away when nothing ran, bound to the outcome. */
export class SessionRecorder {
  readonly #deps: RecorderDeps;
  #recording: OpenRecording | undefined;
  #must = false;
  #state: 'session' | 'unable' | undefined;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** As the intent says it. */
  get state(): 'session' | 'unable' | undefined {
    return this.#state;
  }

  /** False: it has to be recorded and cannot be. `records`: the front end can. */
  begin(obligations: Obligations | undefined, records: boolean, header: () => RecordingHeader): boolean {
    if (obligations?.record !== 'session') return true;
    this.#must = obligations.recorderUnable === 'deny';
    const what = header();
    const begun = records ? this.#deps.recordings.begin(what) : undefined;
    this.#recording = begun?.ok === true ? begun.value : undefined;
    this.#state = this.#recording === undefined ? 'unable' : 'session';
    if (begun?.ok === false) this.#deps.log.warn({ request: what.request, cause: begun.error }, 'a recording could not be begun');
    return this.#recording !== undefined || !this.#must;
  }

  /** For the front end; undefined: nothing is recorded. */
  launch(): MessageInitShape<typeof RecordingSchema> | undefined {
    if (this.#recording === undefined) return undefined;
    const { fd, sealed, length, limit } = this.#recording;
    return { fd, sealed, length: BigInt(length), limit: BigInt(limit), must: this.#must };
  }

  discard(): void {
    this.#recording?.discard();
    this.#recording = undefined;
  }

  /** Closes it. `told`: by whoever wrote it; without, what is there is read, which takes a moment. */
  end(told: RecordedEnd | undefined, use: (fields: RecordingFields) => void): Promise<void> | undefined {
    const recording = this.#recording;
    this.#recording = undefined;
    if (recording === undefined || told !== undefined) {
      recording?.close();
      use(recording === undefined ? {} : recordingFields(told));
      return undefined;
    }
    return recording.measure().then((found) => {
      recording.close();
      use(recordingFields(found));
    });
  }
}

export function recordingFields(end: RecordedEnd | undefined): RecordingFields {
  if (end === undefined) return { recordingCut: 'lost' };
  return { recordingHash: end.hash, recordingBytes: end.bytes, recordingMs: end.durationMs, recordingCut: end.cut };
}
