/** What programs, ONNX Runtime, drivers and their mathematics read of the environment. */
const NEEDED = [
  /^(path|home|user|logname|lang|lc_.*|language|tz|tmpdir|temp|tmp|display|wayland_display|xdg_.*)$/i,
  /^(systemroot|systemdrive|windir|comspec|userprofile|appdata|localappdata|program.*|commonprogram.*|processor_.*)$/i,
  /^(node_options|node_compile_cache|glibc_tunables|number_of_processors)$/i,
  /^(ld|dyld|malloc|ort|omp|gomp|kmp|mkl|openblas|cuda|cudnn|cublas|nvidia|nv|__nv|__gl|__glx|egl|libgl|mesa|gallium)_/i,
  /^(vk|radv|anv|intel|amd|hsa|hip|rocr|rocm|gpu|ze|oneapi|sycl|dri|dawn|tint|mtl|metal|d3d12|dxvk)_/i,
];
/** Of any prefix: `NVIDIA_API_KEY` is for another program. */
const SECRET = /key|token|secret|pass|credential|auth/i;

/**
 * The environment of a process that holds a model: what it needs, and nothing that is secret. Its glibc makes do with two
 * pools, unless the owner has said otherwise: what is freed in one of many is of no use to the others.
 */
export function modelEnvironment(env: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  const needed = Object.entries(env).filter(([name]) => isNeeded(name));
  return { MALLOC_ARENA_MAX: '2', ...Object.fromEntries(needed) };
}

function isNeeded(name: string): boolean {
  return NEEDED.some((pattern) => pattern.test(name)) && !SECRET.test(name);
}
