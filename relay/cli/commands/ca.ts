import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Problem } from '../../../shared/problems/problem.ts';
import { COMMAND } from '../own-command.ts';
import { authorityFile } from '../relay-authority.ts';
import { addDataOption, readDataFolder, type SettingOptions } from '../setting-options.ts';
import { out } from '../style.ts';

type CaCommandOptions = SettingOptions & { pem?: boolean };

export function defineCaCommand(command: Command): void {
  addDataOption(command)
    .addOption(new Option('--pem', 'print the certificate itself'))
    .action((options: CaCommandOptions) => {
      const file = resolve(authorityFile(readDataFolder(options)));
      const pem = readAuthority(file);
      process.stdout.write(options.pem === true ? pem : textOf(file, new X509Certificate(pem)));
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

function textOf(file: string, { fingerprint256, validToDate }: X509Certificate): string {
  return `
  ${out.cyan(file)}

  SHA-256  ${fingerprint256}
  until    ${validToDate.toISOString().slice(0, 10)}

  Node.js, openai   NODE_EXTRA_CA_CERTS=${file}
  Python, openai    SSL_CERT_FILE=${file}
  curl              --cacert ${file}

  On another machine: copy the file there; it holds no secret. ${COMMAND} ca --pem prints it.

`;
}
