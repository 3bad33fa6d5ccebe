import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Problem } from '../../../shared/problems/problem.ts';
import { authorityFile } from '../client/relay-authority.ts';
import { print } from '../options/answering-command.ts';
import { addDataOption, readDataFolder, type SettingOptions } from '../options/setting-options.ts';
import { COMMAND } from '../own-command.ts';
import { out } from '../terminal/style.ts';

type CaCommandOptions = SettingOptions & { pem?: boolean; json?: boolean };

export function defineCaCommand(command: Command): void {
  addDataOption(command)
    .addOption(new Option('--pem', 'print the certificate itself'))
    .addOption(new Option('--json', 'print file, sha256 and validTo as JSON').conflicts('pem'))
    .action((options: CaCommandOptions) => {
      const file = resolve(authorityFile(readDataFolder(options)));
      const pem = readAuthority(file);
      if (options.pem === true) process.stdout.write(pem);
      else {
        const { fingerprint256: sha256, validToDate } = new X509Certificate(pem);
        print(options, { file, sha256, validTo: validToDate.getTime() }, textOf(file, sha256, validToDate));
      }
    });
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Problem(
      'data_folder_unusable',
      `There is no certificate authority in ${file}. Start the relay once with --tls, or name its folder with --data.`,
      { cause },
    );
  }
}

function textOf(file: string, sha256: string, validTo: Date): string {
  return `
  ${out.cyan(file)}

  SHA-256  ${sha256}
  until    ${validTo.toISOString().slice(0, 10)}

  Node.js, openai   NODE_EXTRA_CA_CERTS=${file}
  Python, openai    SSL_CERT_FILE=${file}
  curl              --cacert ${file}

  On another machine: copy the file there; it holds no secret. ${COMMAND} ca --pem prints it.

`;
}
