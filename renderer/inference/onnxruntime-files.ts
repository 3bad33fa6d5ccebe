import asyncifyMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import jspiMjs from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url';
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';

/**
 * The WebAssembly of onnxruntime that this browser runs best: where it can suspend WebAssembly by itself (JSPI), a build
 * that is a third smaller and starts twice as fast; else one that was rewritten to be suspended.
 */
export function onnxruntimeFiles(): { mjs: string; wasm: string } {
  const [mjs, wasm] = 'Suspending' in WebAssembly ? [jspiMjs, jspiWasm] : [asyncifyMjs, asyncifyWasm];
  return { mjs: absolute(mjs), wasm: absolute(wasm) };
}

function absolute(url: string): string {
  return new URL(url, globalThis.location.href).href;
}
