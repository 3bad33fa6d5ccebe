import type { UsageRow } from '../../../shared/api/usage.ts';
import type { UsageGroup } from '../../store/usage-store.ts';

const COLUMNS = ['day', 'hour', 'key', 'model', 'node', 'jobs', 'failed', 'input_tokens', 'output_tokens'] as const;

/** RFC 4180. A cell that a spreadsheet would compute, which some do by wide signs, too, is made text: names of models come from nodes. */
export function csvOf(rows: readonly UsageRow[], by: readonly UsageGroup[]): string {
  // A table of days has the columns it always had.
  const columns = COLUMNS.filter((name) => name !== 'hour' || by.includes(name));
  const cell = (value: string | number | null): string => {
    if (typeof value !== 'string') return `${value ?? ''}`;
    const text = /^[=+\-@＝＋－＠\t\r\n]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((row) => columns.map((name) => cell(row[name])).join(','));
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}
