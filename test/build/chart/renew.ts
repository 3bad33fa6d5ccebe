/** `node test/build/chart/renew.ts`: renders the chart anew, which takes helm. Look at what has changed before it is committed. */
import { writeFileSync } from 'node:fs';
import {
  chartCases,
  digestOf,
  renderChart,
  renderedFileOf,
  valuesFileOf,
  whyNoHelm,
} from '../../support/packaging/chart.ts';

const why = whyNoHelm();
if (why !== undefined) throw new Error(why);
for (const name of chartCases()) {
  const { status, text, said } = renderChart(['--values', valuesFileOf(name)]);
  if (status !== 0) throw new Error(said);
  writeFileSync(renderedFileOf(name), `# Of the chart with ${name}.values.yaml: ${digestOf(name)}\n${text}`);
}
