/** Millionths of a credit as people read them. */
export function creditsText(micro: number): string {
  const digits = `${Math.abs(micro) % 1_000_000}`.padStart(6, '0').replace(/0+$/, '');
  const whole = Math.trunc(Math.abs(micro) / 1_000_000);
  return `${micro < 0 ? '-' : ''}${whole}${digits === '' ? '' : `.${digits}`}`;
}
