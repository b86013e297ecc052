// A group of boxes of one name: roles, permissions.

import { useTexts } from '../i18n/texts';
import { explainFault } from '../i18n/explain';
import { useFault } from '../ui/Form';
import { Check } from '../ui/Field';

interface Props {
  name: string;
  legend: string;
  /** Where a heading above says the same. */
  isLegendHidden?: boolean;
  choices: readonly { name: string; description?: string }[];
  chosen?: readonly string[];
}

export function Boxes({ name, legend, isLegendHidden = false, choices, chosen = [] }: Props) {
  const texts = useTexts();
  const fault = useFault(name);
  return (
    <fieldset className="boxes">
      <legend className={isLegendHidden ? 'hidden' : undefined}>{legend}</legend>
      {fault && <p className="fault">{explainFault(fault, texts)}</p>}
      {choices.map((choice) => (
        <Check
          key={choice.name}
          name={name}
          label={choice.name}
          hint={choice.description}
          value={choice.name}
          defaultChecked={chosen.includes(choice.name)}
        />
      ))}
    </fieldset>
  );
}
