import { countedFr } from './counted.ts';
import type { EN_RECEIPTS } from './en-receipts.ts';

/** What the page of receipts says, in French. */
export const FR_RECEIPTS: typeof EN_RECEIPTS = {
  receipts: {
    find: 'Reçu ou tâche',
    findIt: 'Chercher',
    noneOfJob: 'Cette tâche n’a pas de reçu : elle n’a pas réussi.',
    receipt: 'Reçu',
    save: 'Enregistrer avec sa preuve',
    id: 'Reçu',
    job: 'Tâche',
    node: 'Nœud',
    model: 'Modèle',
    tokens: 'Jetons',
    tokensOf: (input, output) => `${input} lus, ${output} produits`,
    times: 'Durées',
    timesOf: (queue, first, total) => `attente ${queue}, premier jeton ${first}, en tout ${total}`,
    issued: 'Émis',
    requestHash: 'Empreinte de la requête',
    responseHash: 'Empreinte de la réponse',
    latest: 'Les derniers reçus',
    none: 'Aucun reçu n’a été émis récemment.',
    noneHint: 'Chaque tâche qui réussit en laisse un.',
    heads: ['Reçu de', 'Modèle', 'Clé', 'Jetons produits', 'Terminée'],
    log: 'Le registre',
    intro:
      'Chaque reçu entre dans un registre qui ne peut que grandir. Gardez sa tête signée : un registre qui ne lui correspond plus a été modifié.',
    size: 'Reçus',
    root: 'Racine',
    signedAt: 'Signé',
    relayKey: 'Par le relais',
    audit: 'Vérifier tout le registre',
    saveHead: 'Enregistrer cette tête',
    sound: (size) =>
      size === '1'
        ? 'Le seul reçu et le registre sont intacts.'
        : `${size === '0' ? countedFr(size, 'reçu') : `Les ${countedFr(size, 'reçu')}`} et le registre sont intacts.`,
  },
};
