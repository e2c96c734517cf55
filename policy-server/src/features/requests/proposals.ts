import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Tables } from '../../store/index.ts';
import { type Scope, scopeOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { findRequest } from './find.ts';
import { ID, newId } from './ids.ts';
import { ruleOf } from './proposed-rule.ts';
import type { Page } from './read.ts';
import { readCase } from './standing.ts';
import type { RequestRow } from './telling.ts';

export type ProposalView = {
  readonly id: string; readonly request: string; readonly yaml: string; readonly by: string; readonly createdAt: number; readonly state: 'open' | 'taken' | 'declined';
  readonly settledBy: string | null; readonly settledAt: number | null;
};

/** Requests turned into rules. A proposal changes nothing: an author of policies takes it up by applying policy, and says so here. */
export interface Proposals {
  /** BELAY_E_UNSUPPORTED for what a rule cannot say: a path or argument that is not text. */
  propose(id: string, who: Principal): Promise<Result<ProposalView, Failure>>;
  /** Of requests within the scope. */
  list(page: Page, scope: Scope): Promise<readonly ProposalView[]>;
  settle(id: string, outcome: 'taken' | 'declined', who: Principal): Promise<Result<ProposalView, Failure>>;
}

export type ProposalsDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

export function createProposals(deps: ProposalsDeps): Proposals {
  const { store, serverEvents, clock } = deps;
  return {
    propose: (id, who) => serverEvents.transact(async (tx, record): Promise<Result<ProposalView, Failure>> => {
      const row = await findRequest(tx, id, scopeOf(who.bindings, 'requests.answer'));
      if (row === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const { requester } = await readCase(tx, row, clock());
      // SECURITY(T-31): nobody proposes that what they asked for be allowed without being asked.
      if (isOwn(row, requester?.id, who)) {
        record({ type: 'request.answer-refused', fields: { by: who.name, device: row.device_id, asked: row.id, request: row.number, why: 'own-request' } });
        return err(failure('BELAY_E_DENIED', 'This is your own request: somebody else may propose a rule of it.'));
      }
      const yaml = ruleOf(row);
      if (!yaml.ok) return yaml;
      const open = await tx.selectFrom('proposals').selectAll().where('request_id', '=', id).where('state', '=', 'open').executeTakeFirst();
      if (open !== undefined) return ok(viewOf(open));
      const proposal: Row = { id: newId('p'), request_id: id, yaml: yaml.value, name: who.name, account_id: who.accountId ?? '', created_at: clock(), state: 'open', settled_by: null, settled_at: null };
      await tx.insertInto('proposals').values(proposal).execute();
      record({ type: 'rule.proposed', fields: { by: who.name, asked: id, proposal: proposal.id } });
      return ok(viewOf(proposal));
    }),
    async list({ limit, after }, scope) {
      let query = store.db.selectFrom('proposals').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
      // SECURITY(T-30): a proposal says who asked for what on which device.
      if (scope !== 'all') {
        query = scope.length === 0 ? query.where((eb) => eb.lit(false)) : query.where('request_id', 'in', (eb) => eb.selectFrom('requests').select('requests.id')
          .where('device_id', 'in', (of) => of.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope)));
      }
      if (after !== undefined) query = query.where((eb) => eb.or([eb('created_at', '<', after[0]), eb.and([eb('created_at', '=', after[0]), eb('id', '<', after[1])])]));
      return (await query.execute()).map(viewOf);
    },
    settle: (id, outcome, who) => serverEvents.transact(async (tx, record): Promise<Result<ProposalView, Failure>> => {
      const row = ID.test(id) ? await tx.selectFrom('proposals').selectAll().where('id', '=', id).$if(store.lockRows, (query) => query.forUpdate()).executeTakeFirst() : undefined;
      const request = row === undefined ? undefined : await findRequest(tx, row.request_id, 'all');
      if (row === undefined || request === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      if (row.state !== 'open') return err(failure('BELAY_E_CONFLICT', `${row.settled_by ?? 'Somebody'} has ${row.state} it already.`));
      const { requester } = await readCase(tx, request, clock());
      // SECURITY(T-31): a rule for oneself is somebody else's to take up.
      if (outcome === 'taken' && isOwn(request, requester?.id, who)) {
        record({ type: 'request.answer-refused', fields: { by: who.name, device: request.device_id, asked: request.id, request: request.number, why: 'own-request' } });
        return err(failure('BELAY_E_DENIED', 'This rule is for you: somebody else takes it up.'));
      }
      const change = { state: outcome, settled_by: who.name, settled_at: clock() };
      await tx.updateTable('proposals').set(change).where('id', '=', id).execute();
      record({ type: 'rule.proposal-settled', fields: { by: who.name, proposal: id, outcome } });
      return ok(viewOf({ ...row, ...change }));
    }),
  };
}

type Row = Tables['proposals'];

function isOwn(row: RequestRow, requester: string | undefined, who: Principal): boolean {
  return requester === undefined ? who.name === row.user_name : requester === who.personId;
}

function viewOf({ id, request_id: request, yaml, name: by, created_at: createdAt, state, settled_by: settledBy, settled_at: settledAt }: Row): ProposalView {
  return { id, request, yaml, by, createdAt, state, settledBy, settledAt };
}
