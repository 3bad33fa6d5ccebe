import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import type { ReceiptList } from '../../../shared/api/receipts.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { Problem, toProblem } from '../../../shared/problems/problem.ts';
import { isAnswerOf } from '../../../shared/receipts/answer-check.ts';
import type { TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import {
  checkReceiptFile,
  type Finding,
  type ReceiptProof,
  receiptIn,
} from '../../../shared/receipts/receipt-proof.ts';
import { relayFolder } from '../../config/folders.ts';
import { settingsOf } from '../../config/load-settings.ts';
import { readRelayPublicKey } from '../../pairing/relay-identity.ts';
import { auditLog } from '../../receipts/log/audit-log.ts';
import { HEAD_FILE, readHeadFile } from '../../receipts/log/head-file.ts';
import { DATABASE_FILE, openStore } from '../../store/open-store.ts';
import { getJson } from '../client/get-json.ts';
import { checkLogOnline } from '../client/known-heads.ts';
import { fetchReceiptProof, readReceiptFile, readText } from '../client/receipt-file.ts';
import { addClientOptions, readClient, readDataFolder } from '../options/client-options.ts';
import { loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { printable } from '../terminal/printable.ts';
import { receiptText } from '../terminal/receipt-text.ts';
import { out } from '../terminal/style.ts';

type JsonOption = SettingOptions & { json?: boolean };
type VerifyOptions = JsonOption & { answer?: string; online?: boolean; relayKey?: string; attestationKey?: string };

/** `sparewatt receipts list | show | verify | audit`. */
export function defineReceiptsCommand(receipts: Command): void {
  addClientOptions(receipts.command('list'), ['api_key'])
    .description('list the receipts of a job')
    .addArgument(new Argument('<job>', 'id of the job'))
    .addOption(new Option('--json', 'print the answer of the relay as JSON'))
    .action(async (job: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const path = `/v1/jobs/${encodeURIComponent(job)}/receipts`;
      const answer = await getJson<ReceiptList>(relayUrl, path, apiKey);
      if (options.json === true) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else if (answer.data.length === 0)
        process.stderr.write('There is no receipt of this job (yet); one that reached no node gets none.\n');
      else for (const receipt of answer.data) process.stdout.write(`${lineOf(receipt)}\n`);
    });
  addClientOptions(receipts.command('show'), ['api_key'])
    .description('print a receipt with its proof as JSON, as verify reads it')
    .addArgument(new Argument('<receipt>', 'id of the receipt'))
    .addOption(new Option('--json', 'the same in one line'))
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const proof = await fetchReceiptProof(relayUrl, apiKey, id);
      process.stdout.write(`${JSON.stringify(proof, null, options.json === true ? 0 : 2)}\n`);
    });
  addClientOptions(receipts.command('verify'), ['api_key'])
    .description('check a saved receipt: signatures, and its place in the log; asks nobody unless --online is given')
    .addArgument(new Argument('<file>', 'what `chat --receipt` or `receipts show` wrote'))
    .addOption(new Option('--answer <file>', 'also check that it stands for the answer in this file'))
    .addOption(new Option('--relay-key <key>', 'the only relay key to accept (N…)'))
    .addOption(new Option('--attestation-key <key>', 'the only attestation key to accept (N…); one is then needed'))
    .addOption(new Option('--online', 'also ask the relay whether its log continues this one'))
    .addOption(new Option('--json', 'print the findings as JSON'))
    .action(verify);
  addClientOptions(receipts.command('audit'), [])
    .description('check every receipt and the whole log in the data folder of a relay')
    .addOption(new Option('--json', 'print the report as JSON'))
    .action(audit);
}

function lineOf({ id, attempt, node, usage, signatures, attestation }: Receipt): string {
  const signed = signatures.verdict === 'sound' ? 'signed by node and relay' : 'signed by the relay alone';
  const attested = attestation === undefined ? '' : ', attested';
  return `${id}  attempt ${attempt}  ${printable(node)}  ${counted(usage.reported.outputTokens, 'token')}  ${signed}${attested}`;
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  const content = readReceiptFile(file);
  const findings: Told[] = [];
  const tell = (finding: Told): void => {
    findings.push(finding);
    if (options.json !== true) process.stdout.write(`${describe(finding)}\n`);
  };
  try {
    for (const finding of await checkReceiptFile(content)) tell(finding);
    const receipt = receiptIn(content);
    const broken = findings.filter(({ isSound }) => isSound === false).map(({ check }) => check);
    if (receipt !== undefined && options.answer !== undefined) tell(await checkAnswer(options.answer, receipt));
    if (receipt === undefined || broken.length > 0) {
      throw new Problem('receipt_invalid', `${file} does not hold: ${broken.join(', ')}.`);
    }
    assertAnswered(file, options.answer, findings);
    assertIssuedBy(options.relayKey, receipt);
    assertAttestedBy(options.attestationKey, receipt);
    if (options.online === true)
      await askOnline(receipt.keys.relay, (content as Partial<ReceiptProof>).head, options, tell);
    if (options.json !== true) process.stdout.write(receiptText(receipt));
  } finally {
    if (options.json === true) process.stdout.write(`${JSON.stringify(findings)}\n`);
  }
}

/** Of the file, and what its relay said. */
type Told = Omit<Finding, 'check'> & { readonly check: Finding['check'] | 'answer' | 'log of the relay' };

/** Errors: those of `checkLogOnline`. */
async function askOnline(
  relayKey: string,
  head: TreeHead | undefined,
  options: VerifyOptions,
  tell: (finding: Told) => void,
): Promise<void> {
  const { relayUrl, apiKey } = await readClient(options);
  try {
    const now = await checkLogOnline({ relayUrl, apiKey, relayKey, dataFolder: readDataFolder(options) }, head);
    tell({
      check: 'log of the relay',
      isSound: true,
      detail: `that of ${relayUrl} continues it: ${counted(now.size, 'receipt')}`,
    });
  } catch (error) {
    const { code, message } = toProblem(error);
    // One that does not answer has not said that it is not so.
    tell({ check: 'log of the relay', isSound: code === 'receipt_invalid' ? false : null, detail: message });
    throw error;
  }
}

/** Nothing is wrong with a receipt that stands for another answer. Errors: `receipt_mismatch`. */
function assertAnswered(file: string, answer: string | undefined, findings: readonly Told[]): void {
  if (findings.every(({ check, isSound }) => check !== 'answer' || isSound === true)) return;
  throw new Problem(
    'receipt_mismatch',
    `${file} holds, but it stands for another answer than ${answer}. Give it the answer as it came, not a character more or less.`,
  );
}

function assertIssuedBy(wanted: string | undefined, { keys }: Receipt): void {
  if (wanted === undefined || wanted === keys.relay) return;
  throw new Problem('receipt_invalid', `It was issued by the relay ${keys.relay}, not by ${wanted}.`);
}

function assertAttestedBy(wanted: string | undefined, { attestation }: Receipt): void {
  if (wanted === undefined || wanted === attestation?.key) return;
  const by = attestation === undefined ? 'It is attested by nobody' : `It is attested by ${attestation.key}`;
  throw new Problem('receipt_invalid', `${by}, not by ${wanted}.`);
}

/** Errors: `invalid_option` for a file that cannot be read. */
async function checkAnswer(file: string, receipt: Receipt): Promise<Told> {
  const isSound = await isAnswerOf(receipt, readText(file));
  return { check: 'answer', isSound, detail: isSound ? `it stands for ${file}` : `it stands for another than ${file}` };
}

function describe({ check, isSound, detail }: Told): string {
  // Names in it are another's, and a line that they write over could show another key.
  return `${mark(isSound)} ${check}: ${printable(detail)}`;
}

function mark(isSound: boolean | null): string {
  if (isSound === null) return out.yellow('-');
  return isSound ? out.green('✓') : out.red('✗');
}

async function audit(options: JsonOption): Promise<void> {
  const loaded = loadFromOptions(['program', 'relay'], options);
  const folder = relayFolder(settingsOf(loaded, 'program').data);
  const { database_url: databaseUrl } = settingsOf(loaded, 'relay');
  const file = join(folder, DATABASE_FILE);
  // Opening would make an empty one, and find nothing wrong with it.
  if (databaseUrl === undefined && !existsSync(file)) {
    throw new Problem('data_folder_unusable', `There is no relay's database in ${folder}.`);
  }
  const head = readHeadFile(join(folder, HEAD_FILE));
  const relayKey = readRelayPublicKey(folder);
  const store = await openStore({ file, databaseUrl, readOnly: true });
  try {
    const report = await auditLog({ store: store.receiptLog, relayKey, head });
    const { size, root, problems } = report;
    if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
    else for (const problem of problems) process.stdout.write(`${mark(false)} ${problem}\n`);
    if (problems.length > 0) throw new Problem('receipt_log_damaged', `The receipt log in ${folder} was changed.`);
    if (options.json !== true) process.stdout.write(`${mark(true)} ${counted(size, 'receipt')}, root ${root}\n`);
  } finally {
    await store.close();
  }
}
