package watch

import (
	"context"

	"github.com/rollbackd/rollbackd/rollback"
)

func (o ownersOf) Keeper(ctx context.Context, _ rollback.Plan, _ rollback.Owner) (k rollback.Keeper, err error) {
	err = o.call(ctx, "owners.keeper", func() error { k = o.keeper; return nil })
	return k, err
}

func (o ownersOf) PlaceHold(ctx context.Context, _ rollback.Hold, intentID string) (got rollback.Held, err error) {
	err = o.call(ctx, "owners.hold", func() error { o.heldFor = intentID; got.Detail = "held, said the fake"; return nil })
	return got, err
}

func (o ownersOf) LetGo(ctx context.Context, _ rollback.Plan, _ rollback.Hold, intentID string) (said string, err error) {
	err = o.call(ctx, "owners.letgo", func() error {
		if said = "there was nothing to let go"; o.heldFor == intentID {
			o.heldFor, said = "", "let go, said the fake"
			o.letGo++
		}
		return nil
	})
	return said, err
}
