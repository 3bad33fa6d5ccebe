import { Type } from 'typebox';
import {
  MOST_RECORD_CREDITS,
  RecordsRequest,
  RecordsResponse,
  type UncountedAttempt,
} from '../../../shared/protocol/node-records.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import { nodeAccount } from '../../credits/accounts.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';

const EXAMPLE = {
  publicKey: `U${'A'.repeat(55)}`,
  name: 'living-room',
  proof: {
    relay: 'https://relay.example',
    nonce: 'A'.repeat(43),
    challenge: 'A'.repeat(72),
    signature: 'A'.repeat(86),
  },
  ask: { jobs: ['job_01'], creditsBefore: null },
};
const RecordsBody = Type.Object(RecordsRequest.properties, { additionalProperties: false, examples: [EXAMPLE] });

/** `POST /v1/nodes/records`: what a node's own work has left here, for whoever shows its key (SPEC V11). */
export function registerNodeRecordsRoute(app: RelayApp, { pairing, store }: RelayServices): void {
  const receiptsOf = async (nodeId: string, jobs: readonly string[]): Promise<Receipt[]> => {
    const found: Receipt[] = [];
    for (const job of new Set(jobs)) {
      const receipts = await store.jobs.receiptsOfJob(job);
      found.push(...receipts.filter(({ node }) => node === nodeId));
    }
    return found;
  };
  const uncountedOf = async (nodeId: string, jobs: readonly string[]): Promise<UncountedAttempt[]> => {
    const found: UncountedAttempt[] = [];
    for (const job of new Set(jobs)) {
      const attempts = (await store.jobs.findJob(job))?.attempts ?? [];
      for (const { attempt, nodeId: ranOn, problem } of attempts) {
        if (ranOn === nodeId && problem !== null) found.push({ job, attempt, code: problem.code });
      }
    }
    return found;
  };
  const creditsOf = async (nodeId: string, before: number | null) => {
    const account = nodeAccount(nodeId);
    const page = { account, limit: MOST_RECORD_CREDITS + 1, before: before ?? undefined };
    const entries = await store.credits.listEntries(page);
    const shown = entries.slice(0, MOST_RECORD_CREDITS);
    return {
      // What the node was paid out is the operator's book; it was credited before.
      credits: shown
        .filter(({ kind, to }) => kind === 'charge' && to === account)
        .map(({ seq, at, amountMicro, reference }) => ({ seq, at, amountMicro, reference })),
      creditsNext: entries.length > MOST_RECORD_CREDITS ? (shown.at(-1)?.seq ?? null) : null,
    };
  };
  app.post(
    '/v1/nodes/records',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The receipts of a node’s own jobs, and its credits',
        tags: ['Nodes'],
        body: RecordsBody,
        response: { 200: RecordsResponse },
      },
    },
    async ({ body: { ask, ...signed } }, reply) => {
      const { nodeId, sign } = await pairing.recognise(signed);
      const receipts = await receiptsOf(nodeId, ask.jobs);
      const uncounted = await uncountedOf(nodeId, ask.jobs);
      const records = { receipts, uncounted, ...(await creditsOf(nodeId, ask.creditsBefore)) };
      return sendJson(reply, { records, relaySignature: sign(records) });
    },
  );
}
