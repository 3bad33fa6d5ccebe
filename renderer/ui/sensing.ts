/** Of games and full-screen apps, what the sensors of this machine can see; Steam's games are the only ones known as such. */
export type Detects = 'both' | 'games' | 'full_screen' | 'nothing';

/** What can be detected where `unknown` are the sensors that say nothing. Pure. */
export function detectsOf(unknown: readonly string[]): Detects {
  const seesGames = !unknown.includes('game');
  const seesFullScreen = !unknown.includes('full_screen');
  if (seesGames) return seesFullScreen ? 'both' : 'games';
  return seesFullScreen ? 'full_screen' : 'nothing';
}
