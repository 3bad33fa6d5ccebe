import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { defineAgentCommand } from '../../../../relay/cli/commands/agent.ts';

test('the help of the agent says which rules of its owner hold, and which never do', () => {
  const agent = new Command('agent');
  defineAgentCommand(agent);
  let text = '';
  agent.configureOutput({ writeOut: (more) => (text += more) });
  agent.outputHelp();
  assert.match(text, /always +services, models, .*hours/);
  assert.match(text, /\n +programs that you name, games, [^:]*battery,\s+heat,\s+metered networks\n/);
  const rules = text.slice(text.indexOf('Rules of the owner'));
  assert.ok(
    rules.split('\n').every((line) => line.length <= 80),
    'fits a terminal',
  );
  assert.match(text, /never +keyboard and mouse: .*as while you are away/);
  assert.match(text, /node status" says which are followed/);
});
