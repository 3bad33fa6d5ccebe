import type { FastifyReply } from 'fastify';
import { UsageQuery, UsageReport, type UsageRow } from '../../../shared/api/usage.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { unlessMissing } from '../../repeats/repeats.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { DAYS_OF_HOURS } from '../../store/fold-usage.ts';
import { HOURS_PER_DAY, USAGE_GROUPS, type UsageSum } from '../../store/usage-store.ts';
import { readChoices } from '../http/choices.ts';
import { sendJson } from '../http/send-json.ts';
import { csvOf } from './usage-csv.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = DAY_MS / HOURS_PER_DAY;
const DAYS_USUAL = 30;
const ROWS_MOST = 10_000;

/** What was used, from the same counts that jobs are kept with. */
export function registerUsageRoutes(app: RelayApp, { store, keyAdmin }: Pick<RelayServices, 'store' | 'keyAdmin'>) {
  const schema = { querystring: UsageQuery, response: { 200: UsageReport } };
  /** What a key has used that replaced another is counted with that one's. An id of no key is nobody's account, and has used nothing. */
  const accountOf = async (keyId: string | undefined): Promise<string | undefined> =>
    keyId === undefined ? undefined : ((await unlessMissing(keyAdmin.accountOf(keyId), 'key_not_found')) ?? keyId);
  app.get(
    '/v1/usage',
    { config: { access: 'usage' }, schema: { ...schema, summary: 'What this key has used', tags: ['Jobs'] } },
    async ({ query, principal }, reply) => send(reply, query, await rowsOf({ ...query, key: principal.keyId }, store)),
  );
  app.get(
    '/v1/admin/usage',
    {
      config: { access: 'admin' },
      schema: { ...schema, summary: 'What was used, by day, key, model and node', tags: ['Administration'] },
    },
    async ({ query }, reply) => send(reply, query, await rowsOf({ ...query, key: await accountOf(query.key) }, store)),
  );
}

type Asked = Omit<UsageQuery, 'key'> & { key?: string | undefined };

async function rowsOf(query: Asked, { usage }: RelayServices['store']): Promise<UsageRow[]> {
  const today = Math.floor(Date.now() / DAY_MS);
  const toDay = query.to === undefined ? today : readDay('to', query.to);
  const by = readChoices('by', query.by ?? 'day', USAGE_GROUPS);
  const hourly = by.includes('hour');
  const fromDay =
    query.from === undefined ? toDay - (hourly ? DAYS_OF_HOURS : DAYS_USUAL) : readDay('from', query.from);
  if (hourly && fromDay < today - DAYS_OF_HOURS) throw noHours();
  const range = { fromHour: fromDay * HOURS_PER_DAY, toHour: (toDay + 1) * HOURS_PER_DAY - 1 };
  const sums = await usage.sumUsage({ ...range, by, apiKeyId: query.key, limit: ROWS_MOST + 1 });
  if (sums.length <= ROWS_MOST) return sums.map(showSum);
  throw new Problem('invalid_value', `That is more than ${ROWS_MOST} rows. Ask for fewer days, or tell less apart.`, {
    param: 'by',
  });
}

function noHours(): Problem {
  const sentence = `Hours are kept of today and the ${DAYS_OF_HOURS} days before. Ask by day for what was earlier.`;
  return new Problem('invalid_value', sentence, { param: 'from' });
}

function send(reply: unknown, { format = 'json', by = 'day' }: UsageQuery, rows: readonly UsageRow[]): FastifyReply {
  if (format === 'json') return sendJson(reply, { data: rows, next: null });
  if (format !== 'csv') throw new Problem('invalid_value', 'format is json or csv.', { param: 'format' });
  return (reply as FastifyReply).type('text/csv; charset=utf-8').send(csvOf(rows, readChoices('by', by, USAGE_GROUPS)));
}

function showSum({ day, hour, key, model, node, jobs, failed, inputTokens, outputTokens }: UsageSum): UsageRow {
  const shownDay = day === null ? null : new Date(day * DAY_MS).toISOString().slice(0, 10);
  const shownHour = hour === null ? null : `${new Date(hour * HOUR_MS).toISOString().slice(0, 16)}Z`;
  const counts = { jobs, failed, input_tokens: inputTokens, output_tokens: outputTokens };
  return { day: shownDay, hour: shownHour, key, model, node, ...counts };
}

function readDay(param: 'from' | 'to', text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(text)) return time / DAY_MS;
  throw new Problem('invalid_value', `${param} is a day such as 2026-11-21.`, { param });
}
