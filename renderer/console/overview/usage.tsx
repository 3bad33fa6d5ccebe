import { useState } from 'react';
import type { UsageReport } from '../../../shared/api/usage.ts';
import { useAsked, useSettled } from '../asked.ts';
import { ChoiceField } from '../fields.tsx';
import { useKeyNames } from '../keys/key-names.tsx';
import { Card, Empty, Trouble } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { UsageCharts } from './usage-charts.tsx';
import { HOURS_SHOWN, type UsageGroup, type UsageUnit, usageTable } from './usage-table.ts';

const HOUR_MS = 3_600_000;
const UNITS: readonly UsageUnit[] = ['day', 'hour'];
const GROUPS: readonly (UsageGroup | '')[] = ['', 'key', 'model', 'node'];

/** What was used, by day or by hour, of all or told apart by key, model or node. */
export function Usage() {
  const words = useSpeech().texts.overview;
  const api = useApi();
  const [unit, setUnit] = useState<UsageUnit>('day');
  const [group, setGroup] = useState<UsageGroup | ''>('');
  const nameOf = useNames(group);
  const path = (by: string): string => `/v1/admin/usage?by=${by}${unit === 'hour' ? `&from=${dayBefore()}` : ''}`;
  const asked = [unit, group].filter((part) => part !== '').join(',');
  const { answer, problem, again } = useAsked(`usage ${asked}`, () => api.get<UsageReport>(path(asked)));
  useSettled(useLive().jobs, again);
  const table = usageTable(answer?.data ?? [], { unit, group: group === '' ? undefined : group, now: Date.now() });
  const whole = path(`${unit},key,model,node`);
  return (
    <Card
      title={words.usage[unit]}
      actions={
        <span className="actions">
          <a className="button" data-size="small" href={`${whole}&format=csv`} download="usage.csv">
            {words.csv}
          </a>
          <a className="button" data-size="small" href={whole} download="usage.json">
            {words.json}
          </a>
        </span>
      }
    >
      <div className="choices">
        <ChoiceField<UsageUnit>
          label={words.range}
          value={unit}
          options={UNITS}
          nameOf={(name) => words.ranges[name]}
          onChoose={setUnit}
        />
        <ChoiceField<UsageGroup | ''>
          label={words.apart}
          value={group}
          options={GROUPS}
          nameOf={(name) => words.groups[name]}
          onChoose={setGroup}
        />
      </div>
      <Trouble problem={problem} />
      {table.rows.length > 0 && <UsageCharts table={table} nameOf={nameOf} />}
      {answer !== undefined && table.rows.length === 0 && (
        <Empty title={words.noUsage[unit]}>
          {words.noUsageHint} <a href={linkTo('playground')}>{words.tryOne}</a>
        </Empty>
      )}
    </Card>
  );
}

/** What people call the keys and nodes that usage is told of by id. */
function useNames(group: UsageGroup | ''): (id: string) => string {
  const { nodes } = useLive();
  const keyName = useKeyNames(group === 'key');
  if (group !== 'node') return keyName;
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}

function dayBefore(): string {
  return new Date(Date.now() - HOURS_SHOWN * HOUR_MS).toISOString().slice(0, 10);
}
