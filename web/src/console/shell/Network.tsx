// Says that there is no connection. Queries go on by themselves; see api/reach.ts.

import { online, reach } from '../api/reach';
import { useStore } from '../api/store';
import { useTexts } from '../i18n/texts';

export function Network() {
  const { network } = useTexts();
  const isOnline = useStore(online);
  const isWaiting = useStore(reach) === 'waiting';
  const text = isOnline ? network.waiting : network.offline;
  return (
    <div className="network" role="status">
      {(!isOnline || isWaiting) && <p>{text}</p>}
    </div>
  );
}
