import { type Browser, chromium } from 'playwright-core';
import { ensureChromium } from './chromium.ts';

/** As Playwright turns them off itself: Chromium heeds the last such list alone. `test/launch-chromium.test.ts` compares them. */
export const OFF_BY_PLAYWRIGHT = [
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'LensOverlay',
  'MediaRouter',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'TcpPortRandomizationWin',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
  'msForceBrowserSignIn',
  'msEdgeUpdateLaunchServicesPreferredVersion',
];
/**
 * Lists below the address bar, which nobody sees without a window: pages of their own, made for each profile, that take three
 * quarters of what opening one takes (0.9 s of a processor).
 */
const ADDRESS_BAR = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'];

/** The Chromium of the tests, without a window. */
export function launchChromium(flags: readonly string[]): Promise<Browser> {
  const off = `--disable-features=${[...OFF_BY_PLAYWRIGHT, ...ADDRESS_BAR].join(',')}`;
  return chromium.launch({ executablePath: ensureChromium().path, headless: true, args: [off, ...flags] });
}
