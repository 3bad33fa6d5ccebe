import Database from 'better-sqlite3';

/**
 * Fills a relay's database beyond what it may grow to, as another program fills a disk; what is returned makes room
 * again.
 */
export function fillDatabase(file: string, sizeBytes: number): () => void {
  const db = new Database(file, { timeout: 10_000 });
  const pages = () => Number(db.pragma('page_count', { simple: true }));
  const pageSize = Number(db.pragma('page_size', { simple: true }));
  db.exec('CREATE TABLE filler (body BLOB NOT NULL)');
  const fill = db.prepare('INSERT INTO filler (body) VALUES (zeroblob(?))');
  while (pages() * pageSize < sizeBytes) fill.run(pageSize);
  return () => {
    db.exec('DROP TABLE filler');
    db.close();
  };
}
