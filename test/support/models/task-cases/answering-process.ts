/** Entry of a process that answers cases by messages, one for each; a driver that fails takes no test with it. */
import { join } from 'node:path';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import { type CaseRequest, createAnswerer } from './answer-cases.ts';

const [, , folder = '', device = ''] = process.argv;
const answer = createAnswerer((model) => filesInFolder(join(folder, model)), device);
process.on('message', async (request: CaseRequest) => process.send?.(await answer(request)));
