const NEW_ISSUE = 'https://github.com/sparewatt/sparewatt/issues/new';
/** Of our own files, as a stack names them. */
const OWN_PLACE = /\b(?:relay|main|shared)\/[\w./-]+\.[jt]s:\d+/;

export type FaultSurroundings = {
  version: string;
  node: string;
  platform: string;
  arch: string;
  argv: readonly string[];
};

/**
 * A link to a report of a fault that is filled in: our own versions and places alone. No argument but the command's name, no path of
 * this machine, and not what the fault says, which may quote a key or a prompt. Pure.
 */
export function bugReportUrl(fault: Error, { version, node, platform, arch, argv }: FaultSurroundings): string {
  const [command = ''] = argv;
  const name = /^[a-z-]+$/.test(command) ? `sparewatt ${command}` : 'sparewatt';
  const place = OWN_PLACE.exec(fault.stack ?? '')?.[0] ?? 'a place that is not told';
  const title = `${name}: ${fault.name} at ${place}`;
  const body = [
    '### What happened, and what did you expect?',
    '',
    '',
    '### Sparewatt',
    `Version: ${version}`,
    `Node: ${node}`,
    `System: ${platform} ${arch}`,
    `Command: ${name}`,
    `Fault: ${fault.name} at ${place}`,
  ].join('\n');
  return `${NEW_ISSUE}?${new URLSearchParams({ title, body })}`;
}
