/** What a file is for the system that loads it: `linux x64`; `darwin` with the processors of all its parts. */
export type NativeFormat = `${'linux' | 'win32' | 'darwin'} ${string}`;

const ELF_MACHINES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };
const PE_MACHINES: Readonly<Record<number, string>> = { 34404: 'x64', 43620: 'arm64', 332: 'ia32' };
const MACH_PROCESSORS: Readonly<Record<number, string>> = { 16777223: 'x64', 16777228: 'arm64' };

/** By the first bytes, whatever the file is called; undefined for what no processor runs as it is. */
export function nativeFormatOf(bytes: Buffer): NativeFormat | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f45_4c46) return `linux ${ELF_MACHINES[bytes.readUInt16LE(18)] ?? 'another'}`;
  if (bytes.toString('latin1', 0, 2) === 'MZ') {
    const at = bytes.readUInt32LE(60);
    const isPe = at + 6 <= bytes.length && bytes.toString('latin1', at, at + 4) === 'PE\0\0';
    return isPe ? `win32 ${PE_MACHINES[bytes.readUInt16LE(at + 4)] ?? 'another'}` : undefined;
  }
  if (bytes.readUInt32LE(0) === 0xfeed_facf) return `darwin ${MACH_PROCESSORS[bytes.readUInt32LE(4)] ?? 'another'}`;
  // One file for several processors; a class of Java begins alike, with its version where the count stands.
  const parts = bytes.readUInt32BE(4);
  if (bytes.readUInt32BE(0) !== 0xcafe_babe || parts > 8) return undefined;
  const processors = Array.from({ length: parts }, (_, part) => MACH_PROCESSORS[bytes.readUInt32BE(8 + part * 20)]);
  return `darwin ${processors.join('+')}`;
}
