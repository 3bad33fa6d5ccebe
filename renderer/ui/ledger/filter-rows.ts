const texts = new WeakMap<object, string>();

/** The rows that hold every word of the filter, in any of their values. Each row is put into words once. Pure. */
export function filterRows<Row extends object>(rows: readonly Row[], filter: string): readonly Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = textOf(row);
    return words.every((word) => text.includes(word));
  });
}

function textOf(row: object): string {
  let text = texts.get(row);
  if (text === undefined) {
    text = Object.values(row).join(' ').toLowerCase();
    texts.set(row, text);
  }
  return text;
}

/** As spreadsheets read it (RFC 4180); a value that a spreadsheet would take for a formula begins with an apostrophe. */
export function csvOf(rows: readonly object[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const line = (values: readonly unknown[]): string => values.map(csvValue).join(',');
  return [line(Object.keys(first)), ...rows.map((row) => line(Object.values(row)))].join('\r\n');
}

function csvValue(value: unknown): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
