import { FR_JOBS } from './fr-jobs.ts';
import { FR_KEYS } from './fr-keys.ts';
import { FR_NODES } from './fr-nodes.ts';
import { FR_OVERVIEW } from './fr-overview.ts';
import { FR_PAIRING } from './fr-pairing.ts';
import { FR_PLAYGROUND } from './fr-playground.ts';
import { frenchRefusal } from './fr-problems.ts';
import { FR_RECEIPTS } from './fr-receipts.ts';
import type { Texts } from './texts.ts';

export const FR: Texts = {
  title: 'Console Sparewatt',
  relay: (host) => `Relais ${host}`,
  navigation: 'Pages',
  skip: 'Aller à la page',
  loading: 'En attente du relais…',
  language: 'Langue',
  problem: frenchRefusal,
  pages: {
    overview: 'Vue d’ensemble',
    nodes: 'Nœuds',
    jobs: 'Tâches',
    approvals: 'Approbations',
    keys: 'Clés',
    pairing: 'Appairage',
    playground: 'Essais',
    receipts: 'Reçus',
  },
  line: { connecting: 'Connexion…', open: 'En direct', lost: 'Aucune connexion, nouvel essai…' },
  actions: {
    copy: 'Copier',
    copied: 'Copié',
    failed: 'Sélectionnez et copiez à la main',
    cancel: 'Laisser ainsi',
    signOut: 'Se déconnecter',
  },
  signIn: {
    title: 'Console Sparewatt',
    token: 'Jeton d’administration',
    hint: '« sparewatt relay » l’affiche au démarrage. Il est envoyé une seule fois et n’est pas gardé dans ce navigateur.',
    submit: 'Se connecter',
    ended: 'La session est terminée. Connectez-vous de nouveau.',
  },
  ...FR_OVERVIEW,
  ...FR_NODES,
  ...FR_JOBS,
  ...FR_KEYS,
  ...FR_PAIRING,
  ...FR_PLAYGROUND,
  ...FR_RECEIPTS,
};
