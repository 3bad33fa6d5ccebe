export type Machine = { platform: string; arch: string };

/**
 * What runs models on a machine's processor: a process with onnxruntime-node, or the page with its WebAssembly where that has
 * no binary, which is macOS on Intel alone. The package of such a machine leaves onnxruntime-node out.
 */
export function processorHostOf({ platform, arch }: Machine): 'process' | 'page' {
  return platform === 'darwin' && arch === 'x64' ? 'page' : 'process';
}
