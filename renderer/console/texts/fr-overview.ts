import { countedFr } from './counted.ts';
import type { EN_OVERVIEW } from './en-overview.ts';

const UNITS = { day: 'jour', hour: 'heure' } as const;
const ENDED: Readonly<Record<string, string>> = {
  succeeded: 'Tâches réussies',
  failed: 'Tâches échouées',
  cancelled: 'Tâches annulées',
  expired: 'Tâches expirées',
};

/** What the overview says, in French. */
export const FR_OVERVIEW: typeof EN_OVERVIEW = {
  overview: {
    licences: 'Licences',
    now: 'En ce moment',
    nodes: 'Nœuds connectés',
    slots: 'Places occupées',
    models: 'Modèles',
    running: 'Tâches en cours',
    waiting: 'Tâches en attente',
    perMinute: 'Tâches par minute',
    tokensPerMinute: 'Jetons par minute',
    failedPerMinute: 'Échecs par minute',
    noNodes: 'Aucun nœud n’a encore rejoint ce relais.',
    noNodesHint: 'D’ici là, les clients n’ont pas de réponse.',
    pairOne: 'Appairer un nœud',
    usage: { day: 'Utilisation des 30 derniers jours', hour: 'Utilisation des 48 dernières heures' },
    csv: 'Télécharger en CSV',
    json: 'Télécharger en JSON',
    range: 'Période',
    ranges: { day: '30 jours', hour: '48 heures' },
    apart: 'Détail par',
    groups: { '': 'aucun', key: 'Clé', model: 'Modèle', node: 'Nœud' },
    jobsBy: { day: 'Tâches par jour', hour: 'Tâches par heure' },
    tokensBy: { day: 'Jetons par jour', hour: 'Jetons par heure' },
    units: { day: 'Jour', hour: 'Heure' },
    noneOf: 'aucun',
    others: 'tous les autres',
    usedBy: (jobs, tokens) => `${countedFr(jobs, 'tâche')}, ${countedFr(tokens, 'jeton')}`,
    inAll: (count) => `${count} en tout`,
    chartLabel: (title, count, unit) =>
      `${title}, des barres pour ${countedFr(`${count}`, UNITS[unit])} ; en tableau ci-dessous`,
    asTable: 'En tableau',
    jobs: 'Tâches',
    failed: 'Échouées',
    tokens: 'Jetons',
    inputTokens: 'Jetons lus',
    outputTokens: 'Jetons produits',
    noUsage: {
      day: 'Rien n’a été utilisé ces 30 derniers jours.',
      hour: 'Rien n’a été utilisé ces 48 dernières heures.',
    },
    noUsageHint: 'Ce que demandent les clients est compté ici par jour et par heure.',
    tryOne: 'Interroger soi-même un modèle',
    problems: 'Problèmes depuis le démarrage',
    jobProblems: 'Tâches échouées',
    refusals: 'Requêtes refusées',
    none: 'Aucun.',
    relay: 'Ce relais',
    version: 'Version',
    started: 'Démarré',
    database: 'Base de données',
    free: 'Libre sur son disque',
    ever: (state) => ENDED[state] ?? `Tâches : ${state}`,
  },
};
