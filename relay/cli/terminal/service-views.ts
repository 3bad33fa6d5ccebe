import type { ServiceDetails, ServiceSummary } from '../../../shared/api/services.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';
import { tableOf } from './tables.ts';

/** How services look in a terminal. */
export function servicesTable(services: readonly ServiceSummary[]): string {
  if (services.length === 0) return 'No service fits. Leave --category and --search out to see all.\n';
  const rows = services.map(({ id, category, title, available }) => [id, category, standing(available), title]);
  return tableOf(['SERVICE', 'CATEGORY', 'RUNS ON', 'WHAT'], rows);
}

/** Ends with a line that can be pasted, where the key is in the environment. */
export function serviceText(service: ServiceDetails, relayUrl: string): string {
  const { id, title, description, category, runtime, default_model: model, price_unit: unit, origin } = service;
  const { missing } = service.available;
  const [example] = service.examples;
  const lines = [
    `${out.bold(id)}  ${printable(title)}`,
    `  ${printable(description)}`,
    `  category   ${category}`,
    `  runtime    ${runtime.type}`,
    `  runs on    ${standing(service.available)}`,
    ...missing.map((what) => `  missing    ${printable(what)}`),
    `  model      ${model === null ? 'any that fits' : `${printable(model)} if a node has it, else any that fits`}`,
    `  priced by  ${unit}`,
    ...(origin === 'built_in'
      ? []
      : [`  defined    by the operator${service.overrides ? ', over one of the relay' : ''}`]),
    `  input      ${membersOf(service.input)}`,
    `  output     ${membersOf(service.output)}`,
    '',
    `curl ${relayUrl}/v1/services/${id} -H "Authorization: Bearer $SPAREWATT_API_KEY" \\`,
    `  -H 'content-type: application/json' -d '${printable(JSON.stringify(example?.input)).replaceAll("'", "'\\''")}'`,
  ];
  return `${lines.join('\n')}\n`;
}

function standing({ runnable, nodes, free }: ServiceSummary['available']): string {
  if (!runnable) return 'none yet';
  return nodes === 0 ? 'none now' : `${counted(nodes, 'node')}, ${free} free`;
}

/** The members of an object, those that may be left out with a question mark. */
function membersOf({ properties, required }: ServiceDetails['input']): string {
  const needed = Array.isArray(required) ? required : [];
  const names = Object.keys(typeof properties === 'object' && properties !== null ? properties : {});
  return names.map((name) => printable(needed.includes(name) ? name : `${name}?`)).join(' ') || 'any JSON object';
}
