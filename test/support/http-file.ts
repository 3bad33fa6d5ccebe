/** A request of a `.http` file, with its variables not yet put in. */
export type HttpFileRequest = {
  readonly title: string;
  /** What the title promises. */
  readonly status: number;
  readonly name: string | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
};

export type HttpFile = { readonly variables: Record<string, string>; readonly requests: HttpFileRequest[] };

/** Reads what the REST clients of VS Code and JetBrains have in common. Throws for what it does not understand. */
export function parseHttpFile(text: string): HttpFile {
  const [head = '', ...parts] = text.split(/^### /m);
  const variables = Object.fromEntries(
    [...head.matchAll(/^@(\w+) = (\S+)$/gm)].map(([, name, value]) => [name, value]),
  );
  return { variables: variables as Record<string, string>, requests: parts.map(parseRequest) };
}

function parseRequest(part: string): HttpFileRequest {
  const [title = '', ...lines] = part.trimEnd().split('\n');
  const status = Number(/\((\d{3})\)$/.exec(title)?.[1] ?? fail(title));
  const name = /^# @name (\w+)$/m.exec(part)?.[1];
  const told = lines.filter((line) => !line.startsWith('#'));
  const [, method, url] = /^([A-Z]+) (\S+)$/.exec(told[0] ?? '') ?? fail(title);
  const blank = told.indexOf('');
  const headers = told
    .slice(1, blank < 0 ? undefined : blank)
    .map((line) => /^([\w-]+): (.+)$/.exec(line) ?? fail(line));
  return {
    ...{ title, status, name, method: method ?? '', url: url ?? '' },
    headers: Object.fromEntries(headers.map(([, header, value]) => [header, value])) as Record<string, string>,
    body: blank < 0 ? undefined : told.slice(blank + 1).join('\n'),
  };
}

function fail(where: string): never {
  throw new Error(`this part of the file is not understood: ${where}`);
}

/** Puts variables, and members of the answers of named requests, where they belong. */
export function fillIn(text: string, variables: Record<string, string>, answers: ReadonlyMap<string, unknown>): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_whole, path: string) => {
    const [name = '', ...members] = path.split('.');
    if (members.length === 0) return variables[name] ?? fail(path);
    let value: unknown = { response: { body: answers.get(name) } };
    for (const member of members) value = (value as Record<string, unknown> | undefined)?.[member];
    return typeof value === 'string' ? value : fail(path);
  });
}
