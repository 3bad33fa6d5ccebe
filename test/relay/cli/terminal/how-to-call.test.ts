import assert from 'node:assert/strict';
import { test } from 'node:test';
import { howToCall } from '../../../../relay/cli/terminal/how-to-call.ts';

const RELAY = {
  url: 'http://127.0.0.1:8484',
  apiKey: 'sk-sparewatt-x',
  adminToken: 'sw-admin-x',
  model: "lab/o'brien",
};

test('what is to be pasted is of the shell that the system has', () => {
  const shown = howToCall(RELAY, 'win32');
  const [, headers, body = ''] =
    /^Invoke-RestMethod http:\/\/127\.0\.0\.1:8484\/v1\/chat\/completions -Method Post -Headers (\S+ .*?}) .*-Body '((?:[^']|'')+)'/m.exec(
      shown,
    ) ?? [];
  assert.equal(headers, "@{ Authorization = 'Bearer sk-sparewatt-x' }");
  const { model, messages } = JSON.parse(body.replaceAll("''", "'"));
  assert.deepEqual([model, messages[0].content], ["lab/o'brien", 'What is 17 + 25?']);
  assert.doesNotMatch(shown, /curl/);
  for (const platform of ['linux', 'darwin'] as const) {
    assert.match(howToCall(RELAY, platform), /^curl http.* -d '\{"model":"lab\/o'\\''brien",.*\}'$/m);
  }
});
