/** The boot list as it happens: each step by its name, in order. */
export type BootSteps = {
  readonly done: readonly string[];
  run<Value>(name: string, step: () => Value): Value;
  /** For what the app can do without: a failure is told, and the list goes on. */
  try<Value>(name: string, step: () => Promise<Value>, otherwise: Value): Promise<Value>;
};

export function createBootSteps(onFailure: (name: string, error: unknown) => void): BootSteps {
  const done: string[] = [];
  return {
    done,
    run: (name, step) => {
      done.push(name);
      return step();
    },
    try: async (name, step, otherwise) => {
      done.push(name);
      try {
        return await step();
      } catch (error) {
        onFailure(name, error);
        return otherwise;
      }
    },
  };
}
