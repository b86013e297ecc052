// Catches what a page throws: a defect, or a part that could not be loaded, as after a new version of the service.

import { Component, type ReactNode } from 'react';
import { useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';

function Message() {
  const { broken } = useTexts();
  return (
    <Page title={broken.title} text={broken.text}>
      <Button onClick={() => location.reload()}>{broken.reload}</Button>
    </Page>
  );
}

interface Props {
  /** Another page is another chance. */
  path: string;
  children: ReactNode;
}

interface State {
  path: string;
  isBroken: boolean;
}

export class Broken extends Component<Props, State> {
  override state: State = { path: this.props.path, isBroken: false };

  static getDerivedStateFromError(): Partial<State> {
    return { isBroken: true };
  }

  static getDerivedStateFromProps({ path }: Props, state: State): State | null {
    return path === state.path ? null : { path, isBroken: false };
  }

  override render() {
    return this.state.isBroken ? <Message /> : this.props.children;
  }
}
