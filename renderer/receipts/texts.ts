import type { Finding } from '../../shared/receipts/receipt-proof.ts';
import type { Locale } from '../language/locales.ts';

/** What is said of a receipt that was checked. */
export type FindingTexts = {
  heading: string;
  checks: Record<Finding['check'], string>;
  sound: string;
  unsound: string;
  unknown: string;
  unable: string;
  impossible: string;
};

export const FINDING_TEXTS: Readonly<Record<Locale, FindingTexts>> = {
  en: {
    heading: 'Checked in this browser',
    checks: {
      shape: 'Form',
      'relay signature': 'Signature of the relay',
      'node signature': 'Signature of the node',
      attestation: 'Attestation of the coordinator',
      'tree head': 'Signed head of the log',
      'place in the log': 'Place in the log',
    },
    sound: 'holds',
    unsound: 'does not hold',
    unknown: 'cannot be told',
    unable: 'This browser knows no Ed25519 signatures. Use a newer one, or "sparewatt receipts verify".',
    impossible:
      'This page came over plain HTTP from another machine, where browsers have no cryptography. Open it over HTTPS or on the relay’s own machine, or use "sparewatt receipts verify".',
  },
  fr: {
    heading: 'Vérifié dans ce navigateur',
    checks: {
      shape: 'Forme du fichier :',
      'relay signature': 'Signature du relais :',
      'node signature': 'Signature du nœud :',
      attestation: 'Attestation du coordinateur :',
      'tree head': 'Tête signée du registre :',
      'place in the log': 'Place dans le registre :',
    },
    sound: 'valide',
    unsound: 'invalide',
    unknown: 'ne peut être dit',
    unable:
      'Ce navigateur ne connaît pas les signatures Ed25519. Utilisez-en un plus récent, ou « sparewatt receipts verify ».',
    impossible:
      'Cette page est arrivée en HTTP simple d’une autre machine, et les navigateurs n’y offrent pas de cryptographie. Ouvrez-la en HTTPS ou sur la machine du relais, ou utilisez « sparewatt receipts verify ».',
  },
};
