import { type Command, Option } from 'commander';
import type { ServiceDetails, ServicePage, ServiceSummary } from '../../../shared/api/services.ts';
import { CATEGORIES } from '../../../shared/registry/service.ts';
import { getJson } from '../client/get-json.ts';
import { clientCommand, type JsonOption, print } from '../options/answering-command.ts';
import { readClient } from '../options/client-options.ts';
import { servicesTable, serviceText } from '../terminal/service-views.ts';

type ListOptions = JsonOption & { category?: string; search?: string };

/** `sparewatt services …`: what the pool can be asked for. */
export function defineServicesCommand(services: Command): void {
  clientCommand(services, 'list', 'the services of the registry, with how many nodes could run each now')
    .addOption(new Option('--category <name>', 'those of one category').choices(Object.keys(CATEGORIES)))
    .addOption(new Option('--search <words>', 'those whose id, title or description hold these words'))
    .action(async (options: ListOptions) => {
      const { relayUrl, apiKey } = await readClient(options);
      const found = await listServices(options, relayUrl, apiKey);
      print(options, found, servicesTable(found));
    });
  clientCommand(services, 'show', 'one service: its input, its output and what a node must have')
    .argument('<id>', 'such as llm/inference')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const path = `/v1/registry/services/${encodeURIComponent(id)}`;
      const service = await getJson<ServiceDetails>(relayUrl, path, apiKey);
      print(options, service, serviceText(service, relayUrl));
    });
}

async function listServices(
  { category, search }: ListOptions,
  relayUrl: string,
  apiKey: string,
): Promise<ServiceSummary[]> {
  const found: ServiceSummary[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({ limit: '1000', after });
    if (category !== undefined) query.set('category', category);
    if (search !== undefined) query.set('q', search);
    const page: ServicePage = await getJson(relayUrl, `/v1/registry/services?${query}`, apiKey);
    found.push(...page.data);
    after = page.next;
  }
  return found;
}
