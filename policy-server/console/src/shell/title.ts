/** The tab's title: how many requests wait for the person, then the page. */
let page = 'Belay';
let waiting = 0;

function write(): void {
  document.title = `${waiting > 0 ? `(${waiting}) ` : ''}${page === 'Belay' ? page : `${page} · Belay`}`;
}

export function setPageTitle(title: string): void {
  page = title;
  write();
}

export function setWaiting(count: number): void {
  waiting = count;
  write();
}
