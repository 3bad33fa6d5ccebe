/** A model as its owner names it. */
export type WantedModel = {
  /** Under which it is served, too. */
  id: string;
  /** Named behind a `#` where the model's files would say that it does something else. */
  task?: string | undefined;
};

export function readWanted(text: string): WantedModel {
  const [id = '', ...task] = text.trim().split('#');
  return task.length === 0 ? { id } : { id, task: task.join('#') };
}

/** Whether both name the same model, for whatever task. */
export function isSameModel(one: string, other: string): boolean {
  return readWanted(one).id === readWanted(other).id;
}
