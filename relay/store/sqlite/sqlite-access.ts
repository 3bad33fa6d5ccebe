/** How the stores reach the one connection: writes wait for their group's commit, reads see all that were accepted. */
export type SqliteAccess = {
  write<T>(run: () => T): Promise<T>;
  read<T>(run: () => T): Promise<T>;
};
