import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvOf } from '../../../../relay/routes/accounts/usage-csv.ts';

const COUNTS = { jobs: 1, failed: 0, input_tokens: 2, output_tokens: 3 };
const rowOf = (model: string) => ({ day: null, hour: null, key: null, model, node: null, ...COUNTS });

/** How a cell is written that holds this name of a model. */
function cellOf(model: string): string | undefined {
  return /^day,key,model,node,[a-z_,]+\r\n,,(.*),,1,0,2,3\r\n$/s.exec(csvOf([rowOf(model)], ['model']))?.[1];
}

test('no name of a model is computed by a spreadsheet, whatever it begins with', () => {
  for (const first of ['=', '+', '-', '@', '\t', '＝', '＋', '－', '＠'])
    assert.equal(cellOf(`${first}1`), `'${first}1`);
  for (const first of ['\r', '\n']) assert.equal(cellOf(`${first}=1`), `"'${first}=1"`);
});

test('commas, quotes and line ends stay within their cell', () => {
  assert.equal(cellOf('maker/words'), 'maker/words');
  assert.equal(cellOf('a,"b"\r\nc'), '"a,""b""\r\nc"');
});
