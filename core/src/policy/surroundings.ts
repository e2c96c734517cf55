import type { ElevationRequest } from '../request/request.ts';
import { type Lineage, type LoginOrigin, type PackageFact, type Posture, UNKNOWN_POSTURE } from './circumstances.ts';
import type { DecisionContext } from './decision.ts';

/** What is known of a request before its command is: a list has no more. */
export type PartialRequest = Pick<ElevationRequest, 'door' | 'requester' | 'loginSession'> & Partial<ElevationRequest>;

/** A request and what surrounds it. What several rules ask for is found out once, and what none asks for never. */
export class Surroundings<R extends PartialRequest = PartialRequest> {
  readonly request: R;
  readonly context: DecisionContext;
  #owner: { readonly value: PackageFact | 'none' | undefined } | undefined;
  #lineage: { readonly value: Lineage | undefined } | undefined;
  #origin: { readonly value: LoginOrigin | undefined } | undefined;
  #posture: Posture | undefined;

  constructor(request: R, context: DecisionContext) {
    this.request = request;
    this.context = context;
  }

  get owner(): PackageFact | 'none' | undefined {
    this.#owner ??= { value: this.request.executable === undefined ? undefined : this.context.circumstances?.ownerOfExecutable() };
    return this.#owner.value;
  }

  get lineage(): Lineage | undefined {
    this.#lineage ??= { value: this.context.circumstances?.lineage() };
    return this.#lineage.value;
  }

  get origin(): LoginOrigin | undefined {
    this.#origin ??= { value: this.context.circumstances?.origin() };
    return this.#origin.value;
  }

  get posture(): Posture {
    this.#posture ??= this.context.circumstances?.posture() ?? UNKNOWN_POSTURE;
    return this.#posture;
  }
}
