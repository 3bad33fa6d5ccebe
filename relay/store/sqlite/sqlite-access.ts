/** How the stores reach the one connection: writes wait for their group's commit, reads see what is committed. */
export type SqliteAccess = {
  write<T>(run: () => T): Promise<T>;
  read<T>(run: () => T): Promise<T>;
};
