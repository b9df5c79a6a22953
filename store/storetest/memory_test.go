package storetest_test

import (
	"testing"

	"pickup/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Full { return storetest.NewMemory() })
}
